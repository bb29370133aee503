"""Django's ORM with one of three change logs, or without: the library is named by CHANGE_LOG."""
