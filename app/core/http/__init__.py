"""HTTP: middleware, routes, guards, transactions of requests, problems, files and the site."""
