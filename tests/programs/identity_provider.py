"""An identity provider to test with: oidc-provider-mock, and before it what makes it strict, and hostile when told so.

It prints its port, and ends with its standard input. Strict: it checks PKCE and the client's password, which the mock
leaves out. It signs ID tokens with keys of its own, so that they can be changed. `PUT /control` takes a JSON object:
`claims` overrides claims (null takes one away), `sign` says how tokens are signed, `rotate` makes another key, `keys`
are published too, `metadata` overrides the description, and `answer` has what paths answer instead (`huge`, `drip`,
`redirect`, `garbage`, `error`, `echo`, `created`). An empty object makes it honest again.
"""

import base64
import hashlib
import hmac
import io
import itertools
import json
import os
import sys
import threading
import time
from urllib.parse import parse_qs, urlsplit

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

import oidc_provider_mock
import werkzeug.serving
from joserfc import jws, jwt
from joserfc.jwk import RSAKey
from werkzeug.wrappers import Request, Response

CLIENT = ("footfall", "a secret: with /signs&")


def new_key(name):
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig"}, private=True)


def encode(content):
    packed = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def by_hmac(header, claims, secret):
    """A token that is signed with a public key as if that were a secret; libraries refuse to make one."""
    signed = f"{encode(header)}.{encode(claims)}"
    return f"{signed}.{encode(hmac.digest(secret, signed.encode(), 'sha256'))}"


class Provider:
    def __init__(self):
        self.app = oidc_provider_mock.app(require_nonce=True)
        self.names = (f"key-{number}" for number in itertools.count(1))
        self.key = new_key(next(self.names))
        self.control = {}
        self.challenges = {}
        self.asked = []

    def __call__(self, environ, start_response):
        body = Request(environ).get_data()
        environ["wsgi.input"] = io.BytesIO(body)
        request = Request(environ)
        request.get_data()
        environ["wsgi.input"] = io.BytesIO(body)
        return self.answer(request)(environ, start_response)

    def answer(self, request):
        if request.path == "/control":
            return self.take_control(request)
        self.asked.append(request.path)
        if trick := self.control.get("answer", {}).get(request.path):
            return getattr(self, trick)(request)
        if request.path == "/jwks":
            keys = [self.key.as_dict(private=False), *self.control.get("keys", [])]
            return Response(json.dumps({"keys": keys}), content_type="application/json")
        if request.path == "/oauth2/token":
            return self.token(request)
        response = Response.from_app(self.app, request.environ)
        if request.path == "/oauth2/authorize" and request.method == "POST":
            code = parse_qs(urlsplit(response.headers.get("location", "")).query).get("code", [""])[0]
            self.challenges[code] = request.args.get("code_challenge"), request.args.get("code_challenge_method")
        if request.path == "/.well-known/openid-configuration" and "metadata" in self.control:
            return Response(json.dumps(json.loads(response.get_data()) | self.control["metadata"]))
        return response

    def take_control(self, request):
        if request.method == "PUT":
            self.control = request.get_json()
            if self.control.get("rotate"):
                self.key = new_key(next(self.names))
            self.asked = []
        return Response(json.dumps(self.asked))

    def token(self, request):
        form = request.form
        sent = request.authorization
        unquoted = [parse_qs(f"v={each}")["v"][0] for each in (sent.username, sent.password)] if sent else []
        challenge, method = self.challenges.get(form.get("code"), ("", ""))
        made = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if tuple(unquoted) != CLIENT:
            return Response('{"error": "invalid_client"}', 401)
        if method != "S256" or made.decode().rstrip("=") != challenge:
            return Response('{"error": "invalid_grant"}', 400)
        response = Response.from_app(self.app, request.environ)
        if response.status_code == 200:
            tokens = json.loads(response.get_data())
            tokens["id_token"] = self.sign(tokens["id_token"])
            response.set_data(json.dumps(tokens))
        return response

    def sign(self, token):
        claims = json.loads(jws.extract_compact(token.encode()).payload)
        del claims["at_hash"]
        claims |= self.control.get("claims", {})
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": "RS256", "kid": self.key.kid}
        match self.control.get("sign"):
            case "none":
                return f"{encode({'alg': 'none'})}.{encode(claims)}."
            case "hs256":
                return by_hmac({**header, "alg": "HS256"}, claims, self.key.as_pem(private=False))
            case "stranger":
                return jwt.encode(header, claims, new_key(self.key.kid))
            case "unknown":
                return jwt.encode({**header, "kid": "nobody's"}, claims, self.key)
            case "no_kid":
                del header["kid"]
        return jwt.encode(header, claims, self.key)

    def huge(self, _request):
        return Response(b" " * 65_536 for _ in range(100_000))

    def drip(self, _request):
        def drops():
            while True:
                yield b" "
                time.sleep(0.2)

        return Response(drops())

    def redirect(self, request):
        return Response("", 302, {"location": f"{request.host_url}elsewhere"})

    def garbage(self, _request):
        return Response("[" * 100_000)

    def echo(self, request):
        form = request.form
        quoted = f"{form.get('code')} {form.get('code_verifier')} of {CLIENT[1]}"
        return Response(json.dumps({"error": "invalid_grant", "error_description": f"no code: {quoted}"}), 400)

    def created(self, _request):
        return Response('{"access_token": "a token", "id_token": "another"}', 201)

    def error(self, _request):
        return Response("out of order", 500)


class Quiet(werkzeug.serving.WSGIRequestHandler):
    def log(self, *_):
        pass


def main():
    server = werkzeug.serving.make_server("127.0.0.1", 0, Provider(), threaded=True, request_handler=Quiet)
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


main()
