"""The order of exchanges, as generators: each reads like its RFC's example session, and does no I/O."""
