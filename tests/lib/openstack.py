#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""openstack.py COMMAND...: what the tests ask a cloud (cloud.bash) for, by its HTTP interfaces. One that is
answered with an error prints nova's words and exits 1. python-openstackclient does the same in seconds each.

    catalogue                        register the services
    image NAME FILE [KEY=VALUE]...   upload a raw image; prints its id
    image-id NAME
    flavor NAME VCPUS [KEY=VALUE]... a flavor of 64 MiB, with extra specs
    flavor-id NAME
    boot NAME HOST [FLAVOR [IMAGE]]  ask for a server; HOST - leaves the choice to the scheduler
    act NAME STATUS HOST ACTION [JSON] an action on a server, and await
    await NAME STATUS HOST           until it has that status there (-: anywhere) and no task any more
    fault NAME                       what nova tells of a server in error, or of its last action that failed
    show NAME FIELD...               id, status, host, domain (libvirt's name)
    delete NAME...                   and until they are gone
    up NODE SINCE                    until its nova-compute, started then (UTC), reports that it runs
    service NODE                     state and status of its nova-compute
    service NODE KEY=JSON...         set disabled_reason, forced_down, status
    traits NODE                      those of placement that name a CPU's features
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request

HOST = 'control'
PASSWORD = 'secret'
SERVICES = {
    'identity': f'http://{HOST}:5000/v3',
    'image': f'http://{HOST}:9292/v2',
    'placement': f'http://{HOST}:8778',
    'compute': f'http://{HOST}:8774/v2.1',
    'network': f'http://{HOST}:9696',
}
# nova's: as of Zed, the oldest that is tested
VERSIONS = {'X-OpenStack-Nova-API-Version': '2.93', 'OpenStack-API-Version': 'placement 1.39'}
TOKEN = '/run/token'
SECONDS = int(os.environ.get('NOVA_SECONDS', 120))
# times that a server is seen at rest on another node than it should be on
ELSEWHERE = 30


class Refused(Exception):
    """What a service answered."""


def words(body):
    """An error's text in a service's answer, which has it somewhere below the top."""
    try:
        found = json.loads(body)
    except ValueError:
        return body.decode(errors='replace')
    while isinstance(found, (dict, list)) and found:
        found = found[0] if isinstance(found, list) else found.get('message', found.get('detail', next(iter(found.values()))))
    return str(found)


def request(method, url, body=None, headers=None):
    headers = {'Content-Type': 'application/json', **(headers or {})}
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=120) as answer:
            text = answer.read()
            return answer, json.loads(text) if text else {}
    except urllib.error.HTTPError as error:
        raise Refused(f'HTTP {error.code}: {words(error.read())}') from None
    except (urllib.error.URLError, OSError) as error:
        raise Refused(f'{url}: {error}') from None


def token():
    if os.path.exists(TOKEN):
        with open(TOKEN, encoding='ascii') as file:
            return file.read()
    domain = {'id': 'default'}
    user = {'name': 'admin', 'domain': domain, 'password': PASSWORD}
    auth = {'identity': {'methods': ['password'], 'password': {'user': user}},
            'scope': {'project': {'name': 'admin', 'domain': domain}}}
    answer, _ = request('POST', SERVICES['identity'] + '/auth/tokens', {'auth': auth})
    with open(TOKEN, 'w', encoding='ascii') as file:
        file.write(answer.headers['X-Subject-Token'])
    return answer.headers['X-Subject-Token']


def call(method, service, path, body=None, **headers):
    return request(method, SERVICES[service] + path, body, {'X-Auth-Token': token(), **VERSIONS, **headers})[1]


def nova(method, path, body=None):
    return call(method, 'compute', path, body)


def pairs(arguments):
    return dict(argument.split('=', 1) for argument in arguments)


def find(path, key, name):
    for row in nova('GET', path)[key]:
        if row['name'] == name:
            return row['id']
    raise Refused(f'no {name} in {key}')


def server(name):
    return nova('GET', '/servers/' + find('/servers?name=' + name, 'servers', name))['server']


def host_of(shown):
    return shown['OS-EXT-SRV-ATTR:host']


def until(ask, wanted):
    """Ask until it has a value, which is returned; wanted says for what if there is none in time."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        value = ask()
        if value is not None:
            return value
        time.sleep(0.5)
    raise Refused(f'not {wanted} within {SECONDS} s')


def catalogue():
    for kind, url in SERVICES.items():
        if kind != 'identity': # which has registered itself
            made = call('POST', 'identity', '/services', {'service': {'name': kind, 'type': kind}})['service']['id']
            for interface in ('public', 'internal'):
                endpoint = {'service_id': made, 'interface': interface, 'region_id': 'RegionOne',
                            'url': url.removesuffix('/v2') if kind == 'image' else url}
                call('POST', 'identity', '/endpoints', {'endpoint': endpoint})


def image(name, path, *properties):
    described = {'name': name, 'disk_format': 'raw', 'container_format': 'bare', **pairs(properties)}
    made = call('POST', 'image', '/images', described)['id']
    with open(path, 'rb') as file:
        call('PUT', 'image', f'/images/{made}/file', file.read(), **{'Content-Type': 'application/octet-stream'})
    print(made)


def flavor(name, vcpus, *specs):
    made = {'name': name, 'vcpus': int(vcpus), 'ram': 64, 'disk': 0}
    made = nova('POST', '/flavors', {'flavor': made})['flavor']['id']
    if specs:
        nova('POST', f'/flavors/{made}/os-extra_specs', {'extra_specs': pairs(specs)})


def image_id(name):
    images = call('GET', 'image', '/images?name=' + name)['images']
    if not images:
        raise Refused('no image ' + name)
    return images[0]['id']


def flavor_id(name):
    return find('/flavors', 'flavors', name)


def boot(name, host, flavor_name='small', image_name='guest'):
    asked = {'name': name, 'networks': 'none', 'imageRef': image_id(image_name), 'flavorRef': flavor_id(flavor_name)}
    if host != '-':
        asked['host'] = host
    nova('POST', '/servers', {'server': asked})


def wait(name, status, host, request_id=None):
    """Until it is there, or its action failed."""
    seen = {}
    settled = []

    def ask():
        seen.update(server(name))
        if seen['OS-EXT-STS:task_state'] is not None:
            settled.clear()
            return None
        settled.append(seen['status'])
        if seen['status'] == status and host in ('-', host_of(seen)):
            return True
        if seen['status'] == 'ERROR' or request_id and action_of(seen, request_id)['message'] == 'Error':
            raise Refused(f'{seen["status"]} on {host_of(seen)}: {fault_of(seen)}')
        if len(settled) > ELSEWHERE and seen['status'] == status:
            raise Refused(f'{status} on {host_of(seen)}')
        return None

    until(ask, f'{status} on {host}')
    print(status, 'on', host_of(seen))


def act(name, status, host, action, arguments='null'):
    answer, _ = request('POST', f'{SERVICES["compute"]}/servers/{server(name)["id"]}/action',
                        {action: json.loads(arguments)}, {'X-Auth-Token': token(), **VERSIONS})
    wait(name, status, host, answer.headers['x-openstack-request-id'])


def action_of(shown, request_id):
    return nova('GET', f'/servers/{shown["id"]}/os-instance-actions/{request_id}')['instanceAction']


def fault_of(shown):
    if 'fault' in shown:
        return shown['fault']['message']
    actions = nova('GET', f'/servers/{shown["id"]}/os-instance-actions')['instanceActions']
    for action in actions:
        for event in action_of(shown, action['request_id'])['events']:
            if event['result'] == 'Error':
                return event.get('details') or (event['traceback'] or '').strip().rsplit('\n', 1)[-1]
    return 'nova tells no fault'


def fault(name):
    print(fault_of(server(name)))


def show(name, *fields):
    shown = server(name)
    shown.update(host=host_of(shown), domain=shown['OS-EXT-SRV-ATTR:instance_name'])
    print(*(shown[field] for field in fields))


def delete(*names):
    for name in names:
        nova('DELETE', '/servers/' + server(name)['id'])
    until(lambda: True if not any(row['name'] in names for row in nova('GET', '/servers')['servers']) else None,
          'deleted')


def compute(node):
    return nova('GET', f'/os-services?binary=nova-compute&host={node}')['services']


def up(node, since):
    def ask():
        found = compute(node)
        return True if found and found[0]['state'] == 'up' and (found[0]['updated_at'] or '') > since else None

    until(ask, f'up on {node}')


def service(node, *settings):
    found = compute(node)
    if not found:
        raise Refused('no nova-compute of ' + node)
    if settings:
        new = {key: json.loads(value) for key, value in pairs(settings).items()}
        nova('PUT', '/os-services/' + found[0]['id'], new)
    else:
        print(found[0]['state'], found[0]['status'])


def traits(node):
    providers = call('GET', 'placement', '/resource_providers?name=' + node)['resource_providers']
    if not providers:
        raise Refused('placement has no ' + node)
    found = call('GET', 'placement', f'/resource_providers/{providers[0]["uuid"]}/traits')['traits']
    print(' '.join(sorted(trait for trait in found if trait.startswith('HW_CPU_X86_'))))


COMMANDS = {'catalogue': catalogue, 'image': image, 'image-id': lambda name: print(image_id(name)),
            'flavor': flavor, 'flavor-id': lambda name: print(flavor_id(name)), 'boot': boot, 'act': act, 'await': wait,
            'fault': fault, 'show': show, 'delete': delete, 'up': up, 'service': service, 'traits': traits}

if __name__ == '__main__':
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    try:
        COMMANDS[sys.argv[1]](*sys.argv[2:])
    except Refused as refused:
        sys.exit(str(refused))
