// The Lucide icons of the first load: those of the console, and those that modules of a back office are likely to name.
export const ICONS = [
  "archive", "arrow-down", "arrow-left", "arrow-right", "arrow-up", "award", "badge-check", "bell", "box", "building", "calendar",
  "chart-column", "check", "check-check", "chevron-down", "chevron-right", "circle-alert", "circle-check", "clipboard-list", "clock",
  "columns-3", "contact", "copy", "download", "eye", "factory", "file-text", "fingerprint-pattern", "flag", "folder", "folder-tree", "funnel",
  "house", "info", "key", "key-round", "keyboard", "layers", "link", "list", "list-checks", "lock", "log-in", "log-out", "mail", "map-pin",
  "menu", "monitor", "moon", "network", "package", "pencil", "plus", "receipt", "refresh-cw", "rotate-ccw", "rotate-ccw-clock", "scale",
  "scroll-text", "search", "settings", "shield", "shield-alert", "shield-check", "shopping-cart", "square-check", "sun", "sun-moon", "table",
  "tag", "trash", "truck", "undo-2", "upload", "user", "users", "warehouse", "webhook", "x",
] as const;

export type IconName = (typeof ICONS)[number];
