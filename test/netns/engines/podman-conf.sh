# Sourced: podman with the netavark in $HELPERS, the definitions of its networks in $PODMAN_NETWORKS, its images and
# containers where $PODMAN_STORAGE says, else where it keeps them by itself.
cat > $W/containers.conf <<C
[containers]
cgroups = "disabled"
default_ulimits = ["nofile=1024:4096", "nproc=1024:4096"]
[network]
network_backend = "netavark"
network_config_dir = "$PODMAN_NETWORKS"
C
mkdir -p $PODMAN_NETWORKS
export CONTAINERS_CONF=$W/containers.conf CONTAINERS_HELPER_BINARY_DIR="$HELPERS"
p() { podman --log-level=error --cgroup-manager=cgroupfs --events-backend=file --storage-driver=vfs ${PODMAN_STORAGE-} "$@"; }
tar -C $W/image -c . | p import - bb >/dev/null 2>&1
