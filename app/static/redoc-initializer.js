window.addEventListener("DOMContentLoaded", () => {
  Redoc.init("/openapi.json", { hideDownloadButton: false, disableSearch: true }, document.getElementById("redoc"));
});
