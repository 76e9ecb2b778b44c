"""Proof on the live release that a service scales out under load and in again without it.

`autoscaler` finds or lends the HorizontalPodAutoscaler, `load` makes people use the app, `watch` says what the cluster
does, `proof` puts both together second by second, `criteria` say whether it is proved, `plot` and `page` show it.
"""
