"""The control loops. Each makes the world a step more like the specification: `reconcile(store, key, now)`.

A key is (namespace, name). A reconcile returns the seconds until it wants to be called again, or None when only a
change of some object can give it work.
"""
