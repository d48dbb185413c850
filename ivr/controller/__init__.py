"""The controller: answers Asterisk's questions about calls and keeps the record of them."""
