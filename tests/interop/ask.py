"""Asks one server for the A records of one name over one transport, with dnspython (and aioquic below it).

usage: ask.py TRANSPORT ADDRESS PORT AUTHORITY HOST NAME [PATH]
       tls, https, https-get, h3 or quic; AUTHORITY is a file, PATH that of the two with HTTP

Prints the rcode and the addresses. Ends with an error where the server cannot prove to be HOST.
"""

import sys

import dns.message
import dns.query
import dns.rcode

transport, address, port, authority, host, name = sys.argv[1:7]
path = sys.argv[7] if len(sys.argv) > 7 else "/dns-query"
query = dns.message.make_query(name, "A", use_edns=True, payload=1232)
# RFC 8484, 4.1, and RFC 9250, 4.2.1.
query.id = 0
common = {"port": int(port), "timeout": 10, "verify": authority}
if transport in ("tls", "quic"):
    ask = dns.query.tls if transport == "tls" else dns.query.quic
    reply = ask(query, address, server_hostname=host, **common)
else:
    version = dns.query.HTTPVersion.H3 if transport == "h3" else dns.query.HTTPVersion.H2
    reply = dns.query.https(
        query,
        f"https://{host}:{port}{path}",
        bootstrap_address=address,
        post=transport != "https-get",
        http_version=version,
        **common,
    )
print(dns.rcode.to_text(reply.rcode()), *(record.to_text() for answer in reply.answer for record in answer))
