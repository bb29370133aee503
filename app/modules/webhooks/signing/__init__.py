"""Signs what is sent to webhooks, by the scheme of Standard Webhooks."""
