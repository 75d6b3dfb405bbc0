# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# The control plane of a cloud (cloud.bash) in the root `control`, as Debian's packages have it: mariadb, rabbitmq,
# keystone, placement, glance, nova's API, conductor and scheduler. neutron is a stub (neutron.py), as no guest has a
# network. What these services log is in control's /var/log.
#
#	control_up			all of it, and what servers are made of: an image and two flavors
#	nova COMMAND...			openstack.py there; NOVA_SECONDS: how long it waits
#	nova_options			the part of nova.conf that all nodes share
#	daemon NODE LOG COMMAND...	in the background, with its output in /var/log/LOG
#	ini NODE FILE			that file there, from stdin

control_password=secret

# daemon NODE LOG COMMAND...: in the background, without the files that bats waits for
daemon() (
	exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
	# shellcheck disable=SC2016 # the inner shell's
	on "$1" sh -c 'log=$1; shift; exec "$@" </dev/null >>"$log" 2>&1 &' sh "/var/log/$2" "${@:3}"
)

nova() {
	on control env NOVA_SECONDS="${NOVA_SECONDS:-120}" timeout $((${NOVA_SECONDS:-120} + 180)) python3 "$CHECKOUT/tests/lib/openstack.py" "$@"
}

# ini FILE: on stdin `[section]` and `option = value`, below the root of a node
ini() { # NODE FILE
	local path
	path=$(root_path "$1")$2
	mkdir -p "${path%/*}"
	cat >"$path"
}

database() { # NAME
	printf 'mysql+pymysql://root@localhost/%s?unix_socket=/run/mysqld/mysqld.sock' "$1"
}

credentials() { # SECTION...
	local section
	for section; do
		cat <<-END
			[$section]
			auth_type = password
			auth_url = http://control:5000/v3
			www_authenticate_uri = http://control:5000/v3
			username = admin
			password = $control_password
			project_name = admin
			user_domain_id = default
			project_domain_id = default
			region_name = RegionOne
		END
	done
}

nova_options() {
	cat <<-END
		[DEFAULT]
		transport_url = rabbit://guest:guest@control:5672/
		compute_driver = libvirt.LibvirtDriver
		state_path = /var/lib/nova
		enabled_apis = osapi_compute
		rpc_response_timeout = 180
		# its guests don't answer when they are asked to shut down
		shutdown_timeout = 0
		report_interval = 2
		reserved_host_memory_mb = 0
		initial_cpu_allocation_ratio = 16
		[oslo_concurrency]
		lock_path = /var/lib/nova/tmp
		[glance]
		api_servers = http://control:9292
		[vnc]
		enabled = false
	END
	credentials keystone_authtoken placement neutron service_user
}

control_configure() {
	ini control /etc/keystone/keystone.conf <<-END
		[database]
		connection = $(database keystone)
		[token]
		provider = fernet
	END
	{
		printf '[placement_database]\nconnection = %s\n' "$(database placement)"
		credentials keystone_authtoken
	} | ini control /etc/placement/placement.conf
	{
		cat <<-END
			[DEFAULT]
			enabled_backends = file:file
			[database]
			connection = $(database glance)
			[glance_store]
			default_backend = file
			[file]
			filesystem_store_datadir = /var/lib/glance/images
			[paste_deploy]
			flavor = keystone
		END
		credentials keystone_authtoken
	} | ini control /etc/glance/glance-api.conf
	{
		nova_options
		printf '[api_database]\nconnection = %s\n' "$(database nova_api)"
		printf '[database]\nconnection = %s\n' "$(database nova)"
	} | ini control /etc/nova/nova.conf
	printf 'loopback_users = none\n' | ini control /etc/rabbitmq/rabbitmq.conf
	printf 'NODENAME=rabbit@localhost\n' | ini control /etc/rabbitmq/rabbitmq-env.conf
}

sql() {
	on control mysql "$@"
}

# wsgi PORT SCRIPT
wsgi() {
	# several of these services name a length twice
	daemon control "${2##*/}.log" uwsgi --plugin python3 --http-socket ":$1" --wsgi-file "$2" --master \
		--need-app --processes 2 --rem-header Content-Length
}

serves() { # PORT
	on control timeout 10 curl -s -o /dev/null "http://control:$1/"
}

control_databases() {
	local name
	# no password is asked for, and nothing is safe: all of it is gone afterwards
	on control install -d -o mysql /run/mysqld
	daemon control mariadb.log mariadbd --user=mysql --skip-networking --skip-grant-tables \
		--innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=0
	await 60 sql -e 'select 1' || return
	for name in keystone placement glance nova nova_api nova_cell0; do
		sql -e "create database $name character set utf8" || return
	done
}

control_keystone() {
	on control keystone-manage db_sync &&
		on control keystone-manage fernet_setup --keystone-user root --keystone-group root &&
		on control keystone-manage credential_setup --keystone-user root --keystone-group root &&
		on control keystone-manage bootstrap --bootstrap-password "$control_password" --bootstrap-region-id RegionOne \
			--bootstrap-public-url http://control:5000/v3 --bootstrap-internal-url http://control:5000/v3 &&
		wsgi 5000 /usr/bin/keystone-wsgi-public &&
		await 60 serves 5000 &&
		nova catalogue
}

control_placement() {
	on control placement-manage db sync &&
		wsgi 8778 /usr/bin/placement-api
}

control_glance() {
	on control glance-manage db_sync &&
		daemon control glance-api.log glance-api --config-file /etc/glance/glance-api.conf
}

control_nova() {
	on control nova-manage api_db sync &&
		on control nova-manage cell_v2 map_cell0 &&
		on control nova-manage cell_v2 create_cell --name cell1 &&
		on control nova-manage db sync
}

# together COMMAND...: at the same time, each one's output in a file that is shown if it fails
together() {
	local command status=0
	for command; do
		"$command" >"$ROOTS/$command.log" 2>&1 &
		printf '%s\n' "$!" >"$ROOTS/$command.pid"
	done
	for command; do
		wait "$(cat "$ROOTS/$command.pid")" && continue
		status=1
		printf '%s:\n' "$command" >&2
		tail -n 20 "$ROOTS/$command.log" >&2
	done
	return $status
}

# what servers boot: a kernel, and a disk that it doesn't look at
control_image() {
	local kernel root
	root=$(root_path control)
	cp "$CHECKOUT/build/guest" "$root/run/guest"
	truncate -s 1M "$root/run/disk"
	kernel=$(nova image kernel /run/guest) || return
	nova image guest /run/disk "kernel_id=$kernel" os_command_line=loop >/dev/null || return
	nova flavor small 1 && nova flavor large 2
}

control_up() {
	root_new control
	control_configure
	daemon control neutron.log python3 "$CHECKOUT/tests/lib/neutron.py" 9696
	daemon control rabbitmq.log setpriv --reuid rabbitmq --regid rabbitmq --init-groups env HOME=/var/lib/rabbitmq \
		rabbitmq-server
	control_databases || return
	together control_keystone control_placement control_glance control_nova || return
	await 120 on control rabbitmqctl await_startup --timeout 60 || return
	daemon control nova-conductor.log nova-conductor
	daemon control nova-scheduler.log nova-scheduler
	daemon control nova-api.log nova-api
	await 60 serves 8778 || return
	await 60 serves 9292 || return
	await 60 serves 8774 || return
	control_image
}
