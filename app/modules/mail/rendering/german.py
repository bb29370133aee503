"""The catalogue in German: subject, paragraphs and button of each mail."""

from typing import Any

IF_NOT_YOU = (
    "Falls Sie das nicht waren: Setzen Sie sofort ein anderes Passwort, beenden Sie alle Sitzungen, und verständigen"
    " Sie die Administration."
)
HELLO = "Guten Tag {name},"

TEXTS: dict[str, tuple[Any, ...]] = {
    "footer": ("Diese Mail hat Attest verschickt. Antworten darauf werden nicht gelesen.",),
    "invitation": (
        "Ihr Konto",
        (
            HELLO,
            "Sie haben ein Konto mit dem Benutzernamen {username}. Wählen Sie bis {until} Ihr Passwort.",
            "Der Link gilt einmal. Ist er abgelaufen, bitten Sie die Administration um einen neuen.",
        ),
        "Passwort wählen",
    ),
    "invitation-token": (
        "Ihr Konto",
        (
            HELLO,
            "Sie haben ein Konto mit dem Benutzernamen {username}. Wählen Sie bis {until} ein Passwort, mit:",
            "{token}",
            "Er gilt einmal. Ist er abgelaufen, bitten Sie die Administration um einen neuen.",
        ),
    ),
    "password-reset": (
        "Neues Passwort setzen",
        (
            HELLO,
            "für das Konto {username} wurde ein neues Passwort angefordert.",
            "Der Link gilt einmal, bis {until}. Haben Sie ihn nicht angefordert, tun Sie nichts: Ihr Passwort bleibt.",
        ),
        "Neues Passwort setzen",
    ),
    "password-reset-token": (
        "Neues Passwort setzen",
        (
            HELLO,
            "für das Konto {username} wurde ein neues Passwort angefordert. Damit können Sie es setzen:",
            "{token}",
            "Das gilt einmal, bis {until}. Haben Sie es nicht angefordert, tun Sie nichts: Ihr Passwort bleibt.",
        ),
    ),
    "email-verification": (
        "Adresse bestätigen",
        (
            HELLO,
            "für das Konto {username} wurde diese Adresse eingetragen. Bestätigen Sie bis {until}, dass es Ihre ist.",
            "Kennen Sie kein solches Konto, tun Sie nichts.",
        ),
        "Adresse bestätigen",
    ),
    "email-verification-token": (
        "Adresse bestätigen",
        (
            HELLO,
            "diese Adresse wurde für das Konto {username} eingetragen. Bestätigen Sie sie bis {until} mit diesem Code:",
            "{token}",
            "Kennen Sie kein solches Konto, tun Sie nichts.",
        ),
    ),
    "new-sign-in": (
        "Neue Anmeldung",
        (
            HELLO,
            "am {at} wurde das Konto {username} aus einem neuen Netz oder mit einem neuen Programm benutzt:",
            "{address}, {program}.",
            IF_NOT_YOU,
        ),
    ),
    "password-changed": (
        "Ihr Passwort wurde geändert",
        (HELLO, "am {at} wurde das Passwort des Kontos {username} geändert.", IF_NOT_YOU),
    ),
    "email-changed": (
        "Ihre Adresse wurde geändert",
        (
            HELLO,
            "am {at} wurde die Adresse des Kontos {username} geändert. Mails gehen an die neue.",
            IF_NOT_YOU,
        ),
    ),
    "factor-added": (
        "Ein zweiter Faktor kam dazu",
        (HELLO, "am {at} wurde für das Konto {username} ein zweiter Faktor eingerichtet.", IF_NOT_YOU),
    ),
    "factor-removed": (
        "Ihr zweiter Faktor wurde entfernt",
        (HELLO, "am {at} wurde der zweite Faktor des Kontos {username} entfernt.", IF_NOT_YOU),
    ),
    "api-key-made": (
        "Ein neuer API-Schlüssel",
        (HELLO, "am {at} wurde für das Konto {username} ein API-Schlüssel angelegt: {key}.", IF_NOT_YOU),
    ),
    "approval-wanted": (
        "Eine Änderung wartet auf Zustimmung",
        (HELLO, "{requester} möchte etwas ändern, dem eine zweite Person bis {until} zustimmen muss: {needs}."),
        "Änderung ansehen",
    ),
    "webhook-paused": (
        "Ein Webhook wurde angehalten",
        (HELLO, "an {host} ließ sich so lange nichts zustellen, dass der Webhook am {at} anhielt. Zuletzt: {reason}."),
        "Webhook ansehen",
    ),
    "import-finished": (
        "Ein Import ist fertig",
        (HELLO, "der Import in {module} ist fertig: {created} angelegt, {updated} geändert, {failed} gescheitert."),
        "Import ansehen",
    ),
}
