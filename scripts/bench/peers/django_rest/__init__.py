"""Django REST framework + django-auditlog: model view sets, change entries in the transaction of the request."""
