"""Causes of failed connections and their remedies, from the messages of OpenSSL and httpx.

Each of these fails in every attempt, until somebody fixes the cause.
"""

from __future__ import annotations

import re

from inngest_rest.errors import Advice

_UNTRUSTED = "certificate.verify.failed"

# The first that matches holds.
CAUSES = {
    rf"{_UNTRUSTED}.*(has expired|not yet valid)": (
        "The certificate has expired, or is not valid yet: have it renewed, and check the clock of "
        "this machine."
    ),
    rf"{_UNTRUSTED}.*(hostname|ip address) mismatch": (
        "The certificate is for another name than that in the URL: use a name that it has, or have "
        "one issued for this name."
    ),
    rf"{_UNTRUSTED}.*(self.signed|unable to (get|verify))": (
        "This machine does not trust the authority that issued the certificate: set SSL_CERT_FILE "
        "to a file that has the certificate of that authority in PEM form; it replaces the default "
        "authorities. A proxy that inspects TLS has an authority of its own."
    ),
    _UNTRUSTED: (
        "The certificate is refused for the reason given: have another one issued, by an authority "
        "that this machine trusts (SSL_CERT_FILE)."
    ),
    "alert.certificate.required": (
        "The server asks for a certificate of the client: pass a transport of httpx that has one."
    ),
    "alert.handshake.failure": (
        "The server refuses the handshake, as one that asks for a certificate of the client "
        "and gets none does: pass a transport of httpx that has one."
    ),
    r"alert.(unknown.ca|\w*certificate)": (
        "The server refuses the certificate of the client: have one issued by an authority that it "
        "trusts."
    ),
    # The last two are SOCKS's.
    "^proxyerror: (407|requested .* but got|invalid username)": (
        "The proxy asks for a user and a password: write them into its URL, as in "
        "HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT, or name the server in NO_PROXY."
    ),
    "^proxyerror: (4|.*not allowed by ruleset)": (
        "The proxy does not connect to this server: allow the server there, or name it in NO_PROXY."
    ),
}


def lasting_cause(reason: str) -> Advice | None:
    """Return what to do about a failure that repeats in every attempt; None for any other."""
    for pattern, advice in CAUSES.items():
        if re.search(pattern, reason, re.IGNORECASE | re.DOTALL):
            return Advice(advice)
    return None
