// Worker: the SHA-256 of a file, read in pieces beside the upload, so that the page stays quick and nothing is held whole.
// Not by crypto.subtle, which wants a whole file at once, and is missing on pages without TLS.
import { sha256 } from "./vendor/noble-hashes-2.4.0/sha2.js";

onmessage = async ({ data: file }) => {
  try {
    const hash = sha256.create();
    const reader = file.stream().getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      hash.update(value);
    }
    postMessage({ digest: btoa(String.fromCharCode(...hash.digest())) });
  } catch (error) {
    postMessage({ error: String(error) });
  }
};
