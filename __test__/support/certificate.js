'use strict'

// A self-signed certificate (P-256) for localhost and 127.0.0.1, valid from 2020 to 2120, with its
// key. It protects nothing: it is here so that the TLS tests need no tool to make one.

const cert = `-----BEGIN CERTIFICATE-----
MIIBWzCCAQGgAwIBAgIUXFQHebUBkNv2RTn4rRXQYWCj2vIwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAx
MDAwMDAwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARN8oOb4agDoOT0LCnrV5o3e+TvPYfiIFaEeYTIYzY91JZrzFV9e7iQ
AlXWWxko+l2BjBC8Tu5NWXG3LNpRx2CNoy8wLTAaBgNVHREEEzARgglsb2NhbGhv
c3SHBH8AAAEwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA0man
FBOB4PT+XWULs5/TapvCL7TjSgZdTM9PiavzWV0CIA9B3uCOazyD1efjfkYOwada
XMea6zc677X773xNIZrG
-----END CERTIFICATE-----
`

const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg20cM31m8qdlQXczD
0mt4QuFnFJVAc7uv5a4+AflXDZehRANCAARN8oOb4agDoOT0LCnrV5o3e+TvPYfi
IFaEeYTIYzY91JZrzFV9e7iQAlXWWxko+l2BjBC8Tu5NWXG3LNpRx2CN
-----END PRIVATE KEY-----
`

module.exports = { cert, key }
