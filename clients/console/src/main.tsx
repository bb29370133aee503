// Starts the console.
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { queries } from "./api/queries.ts";
import { applyTheme, storedTheme } from "./parts/theme.ts";
import { router } from "./router.tsx";
import "./style/index.css";
import { chosenLanguage, speak } from "./words/say.ts";

applyTheme(storedTheme());
speak(chosenLanguage());

const place = document.getElementById("console");
if (place) {
  createRoot(place).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
}
