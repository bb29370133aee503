"""The catalogue in English: subject, paragraphs and button of each mail."""

from typing import Any

IF_NOT_YOU = "If this was not you, set another password at once, end all sessions, and tell an administrator."

TEXTS: dict[str, tuple[Any, ...]] = {
    "footer": ("This mail was sent by Attest. Nobody reads answers to it.",),
    "invitation": (
        "Your account",
        (
            "Hello {name},",
            "you have an account with the user name {username}. Choose your password by {until}.",
            "The link works once. If it is over, ask your administrator for another one.",
        ),
        "Choose a password",
    ),
    "invitation-token": (
        "Your account",
        (
            "Hello {name},",
            "you have an account with the user name {username}. Choose your password by {until}, with this token:",
            "{token}",
            "It works once. If it is over, ask your administrator for another one.",
        ),
    ),
    "password-reset": (
        "Set another password",
        (
            "Hello {name},",
            "you, or another person, asked to set another password for the account {username}.",
            "The link works once, until {until}. If you did not ask for it, do nothing: your password stays as it is.",
        ),
        "Set another password",
    ),
    "password-reset-token": (
        "Set another password",
        (
            "Hello {name},",
            "you, or another person, asked to set another password for the account {username}. This token does it:",
            "{token}",
            "It works once, until {until}. If you did not ask for it, do nothing: your password stays as it is.",
        ),
    ),
    "email-verification": (
        "Verify your address",
        (
            "Hello {name},",
            "this address was entered for the account {username}. Verify by {until} that it is yours.",
            "If you know of no such account, do nothing.",
        ),
        "Verify the address",
    ),
    "email-verification-token": (
        "Verify your address",
        (
            "Hello {name},",
            "this address was entered for the account {username}. Verify by {until} that it is yours, with this token:",
            "{token}",
            "If you know of no such account, do nothing.",
        ),
    ),
    "new-sign-in": (
        "A new sign-in",
        (
            "Hello {name},",
            "on {at}, the account {username} was used from a new network or by a new program: {address}, {program}.",
            IF_NOT_YOU,
        ),
    ),
    "password-changed": (
        "Your password was changed",
        ("Hello {name},", "on {at}, the password of the account {username} was changed.", IF_NOT_YOU),
    ),
    "email-changed": (
        "Your address was changed",
        (
            "Hello {name},",
            "on {at}, the address of the account {username} was changed. Mails go to the new one from now on.",
            IF_NOT_YOU,
        ),
    ),
    "factor-added": (
        "A second factor was added",
        ("Hello {name},", "on {at}, a second factor was added to the account {username}.", IF_NOT_YOU),
    ),
    "factor-removed": (
        "Your second factor was removed",
        ("Hello {name},", "on {at}, the second factor of the account {username} was removed.", IF_NOT_YOU),
    ),
    "api-key-made": (
        "A new API key",
        ("Hello {name},", "on {at}, an API key was made for the account {username}: {key}.", IF_NOT_YOU),
    ),
    "approval-wanted": (
        "A change waits for approval",
        (
            "Hello {name},",
            "{requester} asked for a change that a second person must approve by {until}: {needs}.",
        ),
        "Look at the change",
    ),
    "webhook-paused": (
        "A webhook was paused",
        (
            "Hello {name},",
            "deliveries to {host} failed for so long that the webhook was paused on {at}. The last reason: {reason}.",
        ),
        "Look at the webhook",
    ),
    "import-finished": (
        "An import has finished",
        (
            "Hello {name},",
            "the import into {module} has finished: {created} created, {updated} updated, {failed} failed.",
        ),
        "Look at the import",
    ),
}
