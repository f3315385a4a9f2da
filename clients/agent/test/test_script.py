"""The same script through each client, without a fault: providers, streams, nonsense."""
from scene import of_each_language


class Script:
    def whole(self, provider, stream):
        import scene
        self.script(
            {"text": "I look first.", "calls": [("c1", "fetch", {"url": self.url("/go")}), ("c2", "everything__get-sum", {"a": 19, "b": 23}),
                                                ("c3", "fs__write_file", {"path": f"{scene.FOLDER}/{self.name}", "content": "noted"})]},
            {"calls": [("c4", "pay", {"amount": "42"}), ("c5", "fs__read_text_file", {"path": f"{scene.FOLDER}/{self.name}"})]},
            {"text": "It is paid."})
        report = self.start(provider=provider, stream=stream).ends()
        self.assertEqual(report["final"], "It is paid.", report)
        contents = {result["id"]: result["content"] for result in report["results"] if result["ok"]}
        self.assertEqual(sorted(contents), ["c1", "c2", "c3", "c4", "c5"], report)
        for id, word in {"c1": "/page/there", "c2": "42", "c4": "42", "c5": "noted"}.items():
            self.assertIn(word, contents[id])
        self.assertEqual([self.done(tool) for tool in ("fake", "fetch", "everything__get-sum", "fs__write_file", "fs__read_text_file", "pay")], [3, 1, 1, 1, 1, 1])
        with open(f"{scene.FOLDER}/{self.name}", encoding="utf-8") as file:
            self.assertEqual(file.read(), "noted")

    def test_openai(self):
        self.whole("openai", False)

    def test_openai_stream(self):
        self.whole("openai", True)

    def test_anthropic(self):
        self.whole("anthropic", False)

    def test_anthropic_stream(self):
        self.whole("anthropic", True)


globals().update(of_each_language(Script))
