"""A server, or a proxy to one, held to the OpenAPI document by schemathesis: for users' CI.

- `document` chooses the operations that a server has, and finds fields that the document lacks;
- `relay` carries requests to the server as the client sends its own;
- `trial` runs schemathesis in a process of its own and reads what it wrote down;
- `report` is the answer, in plain words;
- `holding` puts them together for a client;
- `hooks` is loaded by schemathesis.

Requires the extra `contract`.
"""
