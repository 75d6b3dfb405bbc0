#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""neutron.py PORT: as much of neutron as guests without a network need. nova asks it when they are deleted or
migrated; it has nothing, whatever is asked for: GET /v2.0/ports is {"ports": []}."""

import http.server
import json
import sys


class Nothing(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        asked_for = self.path.split('?')[0].rstrip('/').rsplit('/', 1)[-1]
        body = json.dumps({asked_for.removesuffix('.json').replace('-', '_'): []}).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(('', int(sys.argv[1])), Nothing).serve_forever()
