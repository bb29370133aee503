// The states of a job, in words and colours.
import { Chip, type Tone } from "../parts/Chip.tsx";
import type { Schemas } from "../api/queries.ts";
import { say } from "../words/say.ts";

export type Job = Schemas["JobRead"];
export type State = Job["state"];

const TONES: Record<State, Tone> = { queued: "plain", running: "info", succeeded: "good", failed: "bad", cancelled: "warn" };

export const JobState = ({ of }: { of: State }) => <Chip tone={TONES[of]}>{say(`jobs.state.${of}`)}</Chip>;
