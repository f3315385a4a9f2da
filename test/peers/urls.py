"""Other readers of URLs, and hostile URLs to read.

read(urls) answers, for each, (scheme, host, port, path, query) or None where the URL
is refused; hosts without brackets.
"""
import json
import os
import pathlib
import random
import shutil
import subprocess
import urllib.parse

TOP = pathlib.Path(__file__).resolve().parents[2]
STANDARD = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def parts(scheme, host, port, path, query):
    return scheme, host.removeprefix("[").removesuffix("]"), int(port) or STANDARD.get(scheme, 0), path, query


class Node:
    name = "node's URL"

    def __init__(self):
        self.program = shutil.which("node")
        if not self.program:
            raise OSError("there is no node")

    def read(self, urls):
        answer = subprocess.run([self.program, TOP / "test/peers/url_judge.js"], input=json.dumps(urls), capture_output=True, check=True, text=True)
        return [row and parts(*row) for row in json.loads(answer.stdout)]


class Python:
    name = "python's urllib.parse"

    def read(self, urls):
        return [self.one(url) for url in urls]

    @staticmethod
    def one(url):
        try:
            read = urllib.parse.urlsplit(url)
            return parts(read.scheme, read.hostname or "", read.port or 0, read.path, read.query)
        except ValueError:
            return None


class Curl:
    """A URL a line: only for what holds no line break."""
    name = "libcurl"

    def __init__(self):
        self.program = TOP / "build/peers/url_judge"
        if not os.access(self.program, os.X_OK):
            raise OSError("build/peers/url_judge is not built (test/peers/install curl)")

    def read(self, urls):
        answer = subprocess.run([self.program], input="".join(url + "\n" for url in urls), capture_output=True, check=True, text=True)
        rows = answer.stdout.splitlines()
        assert len(rows) == len(urls), (len(rows), len(urls))
        return [None if row == "-" else parts(*row.split("\t")) for row in rows]


class Generator:
    """Random URLs: whole ones, ones with odd parts, and both with a few characters changed."""
    schemes = ["http", "https", "ws", "wss"] * 8 + ["HTTP", "hTTps", "WsS", "ftp", "file", "gopher", "javascript", "data", "http ", "", "ht\ttp"]
    slashes = ["://"] * 40 + [":", ":/", ":///", ":\\\\", ":/\\", "//", ":////"]
    users = [""] * 24 + ["a@", "a:b@", "@", ":@", "allowed.com@", "allowed.com%40", "a@b@", "allowed.com:80\\@", "%40@", "allowed.com#@", "allowed.com?@", "allowed.com/@", "allowed.com;@"]
    hosts = ["example.com", "EXAMPLE.com", "a.b.example.co.uk", "x_y.example", "a-b.c", "localhost", "x", "xn--fa-hia.de", "faß.de", "аpple.com", "例え.jp", "bücher.example",
             "exa\u00admple.com", "ｅxample.com", "ⓔxample.com", "example。com", "example｡com", "example．com", "ẞ.de", "xn--a", "xn--", "XN--FA-HIA.DE", "℀.com", "∕.com", "⑴.com", "\u200bexample.com",
             "1.2.3.4", "127.0.0.1", "0x7f.1", "127.1", "2130706433", "0177.0.0.1", "1.2.3.4.", "1.2.3.256", "1.2.3.4.5", "08.0.0.1", "x.0x1", "x.1", "1.x", "1.2.3.4x", "１２７.0.0.1", "①27.0.0.1", "0x", "0x.", "4294967295",
             "[::1]", "[::]", "[1:2:3:4:5:6:7:8]", "[2001:DB8::1]", "[::ffff:127.0.0.1]", "[::ffff:7F00:1]", "[64:ff9b::7f00:1]", "[1::2:0:0:0:3]", "[1:0:0:2:0:0:0:3]", "[fe80::1%25eth0]", "[fe80::1%eth0]", "[::127.1]", "[1:2]", "[::1", "::1]", "[::1]x", "[v1.x]",
             "[1:2:3:4:5:6:1.2.3.4]", "[::0001]", "[00001::]", "[1::2::3]", "[0:0:1:0:0:0:0:0]", "[1:0:1:0:1:0:1:0]", "[1:1:1:1:1:1:1::]", "[::1:1:1:1:1:1:1]",
             "", ".", "..", "a..b", ".a", "a.", "a..", "%65xample.com", "a%2eb", "a%00b", "a;b", "a,b", "a|b", "a*b", "a!b", "a'b", "a&b=c", "a~b", "a+b", "-a.com", "a-.com", "_", "a" * 63 + ".com", "a" * 64 + ".com"]
    ports = [""] * 10 + [":80", ":443", ":8080", ":", ":0", ":00080", ":65535", ":65536", ":99999999999", ":-1", ":8o", ":٣", ":80:80", ":+80", ":1e1", ": 80"]
    segments = ["a", "b", "v1", "index.html", ".", "..", "...", "%2e", "%2E%2e", ".%2e", "..;", "..;x=1", ".;", "%2f", "%5c", "%5C..", "", "", "a;b", "a=b", "a:b", "a@b", "@", ":", "é", "日本", "%C3%A9", "%c0%ae", "%00", "%", "%zz", "%252e", "%7E", "~", "a b", "\"", "<", ">", "^", "`", "{}", "|", "[", "]",
                "'", "!$&()*+,", "*", "\\", "x" * 40, "\t", "😀", "\u2028", "\ufeff", "%ef%bb%bf", "+", "$", "C|", "C:", "..%00", "..%0d"]
    queries = ["", "", "", "?", "?a=b", "?a=b&c=d", "?q=@x", "?a?b", "?a/../b", "?é", "?%zz", "?%", "?'", "?\"<>", "?[]{}|^`", "?http://evil.com/", "?a\\b", "?a b", "?%2e", "?%aF"]
    fragments = ["", "", "", "#", "#x", "#@evil.com/", "#a?b", "#/../", "#a#b", "#é", "#\\"]
    odd = ["\0", "\t", "\n", "\r", " ", "\x0b", "\x7f", "\x80", "\\", "/", "?", "#", "@", ":", ";", ",", "%", "%2f", "%40", "%00", "[", "]", ".", "..", "。", "|", "^", "`", "<", "{", "*", "'", "\"", "é", "ｅ", "\u00ad", "\u200d", "\u202e", "ß", "ſ", "K", "İ",
           "0", "1", "x", "0x", "-", "_", "~", "xn--", "😀", "\ud7ff", "\ue000", "\uffff", "\U0010ffff"]

    def __init__(self, seed):
        self.random = random.Random(seed)

    def host(self):
        draw = self.random.random()
        if draw < 0.5:
            return self.random.choice(self.hosts)
        if draw < 0.6:
            return "[" + ":".join("%x" % self.random.choice([0, 0, 0, 1, 0x64, 0x7f00, 0xff9b, 0xffff, self.random.getrandbits(16)]) for _ in range(8)) + "]"
        if draw < 0.7:
            return ".".join(str(self.random.choice([0, 1, 10, 127, 169, 192, 254, 255, 256, self.random.getrandbits(8)])) for _ in range(4))
        return ".".join("".join(self.random.choices("abcxyzABZ019-_", k=self.random.randint(1, 12))) for _ in range(self.random.randint(1, 5)))

    def part(self, plain, parts):
        """Mostly a plain one: a URL of odd parts only is refused for the first of them."""
        return self.random.choice(plain) if self.random.random() < 0.6 else self.random.choice(parts)

    def url(self):
        path = "".join("/" + self.part(["a", "v1", "x.y", "", "é"], self.segments) for _ in range(self.random.choice([0, 1, 1, 2, 3, 5])))
        url = (self.part(["http", "https", "ws", "wss"], self.schemes) + self.part(["://"], self.slashes) + self.part([""], self.users) + self.host() +
               self.part([""], self.ports) + path + self.random.choice(self.queries) + self.random.choice(self.fragments))
        if self.random.random() < 0.3:
            for _ in range(self.random.choice([1, 1, 1, 2, 4])):
                at = self.random.randint(0, len(url))
                url = url[:at] + (self.random.choice(self.odd) if self.random.random() < 0.7 else "") + url[at + self.random.choice([0, 0, 1, 2]):]
        return url
