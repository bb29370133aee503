// A button that goes through the themes.
import { say } from "../words/say.ts";
import { Icon } from "./Icon.tsx";
import { THEMES, useTheme } from "./theme.ts";

const ICON = { system: "sun-moon", light: "sun", dark: "moon" } as const;
const NAME = { system: "theme.system", light: "theme.light", dark: "theme.dark" } as const;

export function ThemeSwitch() {
  const [theme, setTheme] = useTheme();
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
  const label = say("theme.is", { name: say(NAME[theme]) });
  return (
    <button type="button" className="quiet" aria-label={label} title={label} onClick={() => setTheme(next)}>
      <Icon name={ICON[theme]} />
    </button>
  );
}
