// Theme and language, remembered by this browser.
import { Labelled } from "../parts/Input.tsx";
import { THEMES, useTheme } from "../parts/theme.ts";
import { chooseLanguage, chosenLanguage, LANGUAGES, say } from "../words/say.ts";

export function Appearance() {
  const [theme, setTheme] = useTheme();
  return (
    <section className="panel" aria-labelledby="appearance">
      <h2 id="appearance">{say("account.appearance")}</h2>
      <div className="item-form">
        <Labelled label={say("theme.label")}>
          {(ids) => (
            <select {...ids} value={theme} onChange={({ target }) => setTheme(THEMES.find((one) => one === target.value) ?? "system")}>
              {THEMES.map((one) => <option key={one} value={one}>{say(`theme.${one}`)}</option>)}
            </select>
          )}
        </Labelled>
        <Labelled label={say("account.language")}>
          {(ids) => (
            <select {...ids} value={chosenLanguage()} onChange={({ target }) => chooseLanguage(target.value)}>
              {LANGUAGES.map((one) => <option key={one} value={one}>{say(`account.language.${one}`)}</option>)}
            </select>
          )}
        </Labelled>
      </div>
    </section>
  );
}
