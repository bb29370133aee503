// Sentences of the catalogue. No other file holds words for people; `npm run lint` keeps that.
import { i18n, type Messages } from "@lingui/core";
import en from "virtual:words";
import { pseudo } from "./pseudo.ts";
import type account from "./en/account.json";
import type generic from "./en/generic.json";
import type home from "./en/home.json";
import type imports from "./en/import.json";
import type jobs from "./en/jobs.json";
import type parts from "./en/parts.json";
import type policy from "./en/policy.json";
import type pages from "./en/public.json";
import type record from "./en/record.json";
import type shell from "./en/shell.json";

export type Sentence =
  | keyof typeof account | keyof typeof generic | keyof typeof home | keyof typeof imports
  | keyof typeof jobs
  | keyof typeof pages | keyof typeof parts | keyof typeof policy | keyof typeof record | keyof typeof shell;
export type Language = (typeof LANGUAGES)[number];

export const LANGUAGES = ["en", "pseudo"] as const;
const CHOSEN = "attest.language";

/** The language that the address or this browser says, else English. */
export function chosenLanguage(): Language {
  const asked = new URLSearchParams(location.search).get("language") ?? localStorage.getItem(CHOSEN);
  return LANGUAGES.find((language) => language === asked) ?? "en";
}

/** Remembers a language in this browser, and starts the console in it. */
export function chooseLanguage(language: string): void {
  localStorage.setItem(CHOSEN, language);
  location.reload();
}

const CATALOGUES: Record<Language, () => Messages> = { en: () => en, pseudo: () => pseudo(en) };

/** The language of the console; `pseudo` shows each sentence of the catalogue in accents, and so those outside it. */
export function speak(language: Language): void {
  i18n.loadAndActivate({ locale: language === "pseudo" ? "en" : language, messages: CATALOGUES[language]() });
  document.documentElement.lang = "en";
}

/** A sentence with its values: `say("list.selected", { count: 3 })`. */
export const say = (sentence: Sentence, values?: Record<string, string | number>): string => i18n._(sentence, values);

/** The words for a code of the API where the catalogue has them, else the code itself in words. */
export const sayIfKnown = (sentence: string, otherwise: string): string =>
  sentence in i18n.messages ? i18n._(sentence) : otherwise;
