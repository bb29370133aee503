"""The methods of HTTP, as a filter."""

from typing import Literal

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"]
"""The methods of RFC 9110 and RFC 5789. A log of requests has any word that was sent as one."""
