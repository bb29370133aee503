// From where a session is: its browser or program, as that claims, and which of both it is, as the server knows.
import { say } from "../words/say.ts";
import { Chip } from "./Chip.tsx";

type Session = { device: string; is_browser: boolean; is_current: boolean };

export const Device = ({ of: { device, is_browser: isBrowser, is_current: isCurrent } }: { of: Session }) => (
  <>
    {device} <Chip>{say(isBrowser ? "device.browser" : "device.program")}</Chip>{isCurrent && <> <Chip tone="info">{say("device.current")}</Chip></>}
  </>
);
