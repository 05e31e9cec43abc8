"""A token server of a registry (registry/spec/auth/token.md of distribution), for one user alone.

    token-server.py PORT CERTIFICATE KEY USER PASSWORD

It signs with the key, by openssl. What it gives out allows what was asked for.
"""

import base64
import http.server
import json
import ssl
import subprocess
import sys
import time
import urllib.parse

port, certificate, key, user, password = sys.argv[1:]
expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
der = ssl.PEM_cert_to_DER_cert(open(certificate).read())


def url64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def token(service, scope):
    kind, name, actions = scope.split(":")
    head = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
    now = int(time.time())
    access = [{"type": kind, "name": name, "actions": actions.split(",")}]
    claims = {"iss": "testkit", "sub": user, "aud": service, "iat": now, "nbf": now - 60, "exp": now + 300, "access": access}
    text = b".".join(url64(json.dumps(part).encode()) for part in (head, claims))
    signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=text, capture_output=True, check=True)
    return (text + b"." + url64(signed.stdout)).decode()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        good = self.headers["Authorization"] == expected
        body = json.dumps({"token": token(query["service"][0], query["scope"][0])} if good else {}).encode()
        self.send_response(200 if good else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


http.server.HTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()
