declare module "virtual:words" {
  const words: import("@lingui/core").Messages;
  export default words;
}
declare module "virtual:icons" {
  const icons: Record<string, readonly [string, Record<string, string>][]>;
  export default icons;
}
declare module "virtual:all-icons" {
  export { default } from "virtual:icons";
}
