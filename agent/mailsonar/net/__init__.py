"""The only mail I/O: names, connections, TLS, and the driver that performs dialogues; and access tokens over HTTP."""
