window.addEventListener("DOMContentLoaded", () => {
  const document_url = new URL("openapi.json", document.baseURI).href;
  Redoc.init(document_url, { hideDownloadButton: false, disableSearch: true }, document.getElementById("redoc"));
});
