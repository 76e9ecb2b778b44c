"""What the three Python services share: settings, logs, metrics, traces, health, TLS, serving and draining."""
