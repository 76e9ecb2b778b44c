"""The node: runs the pods bound to it as containers of the local Docker engine.

`Node` in `embedded.node.agent` is the whole of it to the outside. It watches the store, starts one worker a pod and
keeps Services, NetworkPolicies and cluster DNS in step with what the store says.
"""
