"""A guard between an AI tool and its model: it judges every call, takes secrets out, bounds what is read.

The tool is given an address on this machine and a key of its own, for one question. What it sends is redacted and cut
before it goes to the person's provider; what the model wants to run is judged before the tool sees it. Reading calls
are handed on in the words in which they were judged; a call that changes something becomes a question to the person,
and is made by this product, never by the tool; all else is refused, and the model is told so.
"""
