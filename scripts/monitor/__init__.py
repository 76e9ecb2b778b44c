"""A live view of the release: what runs, what it uses, what it answers.

kubectl proxy → sampling: sample → two samples → rows: view → screen (or JSON)

Whatever could not be read is told as such, with the reason; nothing that is missing is shown as zero.
"""
