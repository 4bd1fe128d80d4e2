/**
 * Examples of the commands that have Podman, Docker and OCI runtimes use tsnet.
 *
 * @module
 */

import type { Example } from './example.ts'

export const enginesExamples: readonly Example[] = [
  {
    command: 'podman install',
    about: 'into a folder of your choice; without --dir for all podmans of this host',
    script: ['tsnet podman install --dir /run/conf.d', 'cat /run/conf.d/90-tsnet.conf'],
  },
  {
    command: 'podman install',
    about: 'for a look: what would podman read?',
    script: ['tsnet podman install --dir /run/conf.d --json'],
  },
  {
    command: 'podman install',
    about: 'twice is as good as once',
    script: ['tsnet podman install --dir /run/conf.d', 'tsnet podman install --dir /run/conf.d'],
  },
  {
    command: 'podman uninstall',
    about: 'as it was before',
    script: ['tsnet podman install --dir /run/conf.d', 'tsnet podman uninstall --dir /run/conf.d'],
  },
  {
    command: 'podman uninstall',
    about: 'where nothing is installed',
    script: ['tsnet podman uninstall --dir /run/conf.d'],
  },
  {
    command: 'podman uninstall',
    about: 'for a program',
    script: ['tsnet podman uninstall --dir /run/conf.d --json'],
  },
  {
    command: 'podman status',
    about: 'which netavark does podman start?',
    script: ['tsnet podman status'],
  },
  {
    command: 'podman status',
    about: 'for a program',
    script: ['tsnet podman status --json'],
  },
  {
    command: 'podman status',
    about: 'of a folder of your choice',
    script: ['tsnet podman install --dir /run/conf.d', 'tsnet podman status --dir /run/conf.d'],
  },
  {
    command: 'docker install',
    about: 'docker network create -d tsnet works from then on',
    script: ['tsnet docker install', 'tsnet docker uninstall'],
  },
  {
    command: 'docker install',
    about: 'at a socket of your choice, which a .spec file names',
    script: ['tsnet docker install --spec --socket /run/my-docker.sock', 'tsnet docker uninstall'],
  },
  {
    command: 'docker install',
    about: 'twice is as good as once',
    script: ['tsnet docker install -q', 'tsnet docker install -q', 'tsnet docker uninstall'],
  },
  {
    command: 'docker uninstall',
    about: 'as it was before',
    script: ['tsnet docker install --spec', 'tsnet docker uninstall'],
  },
  {
    command: 'docker uninstall',
    about: 'where nothing is installed',
    script: ['tsnet docker uninstall'],
  },
  {
    command: 'docker uninstall',
    about: 'for a program',
    script: ['tsnet docker uninstall --json'],
  },
  {
    command: 'docker status',
    about: 'does the driver answer?',
    script: ['tsnet docker status'],
  },
  {
    command: 'docker status',
    about: 'in a word',
    script: ['tsnet docker status -q'],
  },
  {
    command: 'docker status',
    about: 'for a program',
    script: ['tsnet docker install', 'tsnet docker status --json', 'tsnet docker uninstall'],
  },
  {
    command: 'oci patch',
    about: 'runc run web, and its port 80 is port 8080 of this host',
    script: ['mkdir -p /run/web/rootfs', '(cd /run/web; runc spec)', 'tsnet oci patch /run/web -p 8080:80'],
  },
  {
    command: 'oci patch',
    about: 'its name, and another on the network',
    script: [
      'mkdir -p /run/web/rootfs',
      '(cd /run/web; runc spec)',
      'tsnet oci patch /run/web --container-name web --alias front',
    ],
  },
  {
    command: 'oci patch',
    about: 'and back',
    script: [
      'mkdir -p /run/web/rootfs',
      '(cd /run/web; runc spec)',
      'tsnet oci patch /run/web -p 8080:80',
      'tsnet oci patch /run/web --remove',
    ],
  },
]
