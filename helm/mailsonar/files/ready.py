"""`python ready.py URL...`: ask each agent whether it is ready; end with 1 at the first that is not."""

import ssl
import sys
from urllib.request import urlopen

# Nothing secret goes either way, and the certificate is for another name than that of the pod.
CONTEXT = ssl._create_unverified_context()

for url in sys.argv[1:]:
    with urlopen(url, timeout=10, context=CONTEXT if url.startswith("https:") else None) as answer:
        print(url, answer.status, answer.read(100).decode().strip())
