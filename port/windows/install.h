/*
 * attestd's place among the services of Windows: the subcommands `install` and
 * `uninstall` (port_subcommand.run, port.h).
 */
#ifndef WINDOWS_INSTALL_H
#define WINDOWS_INSTALL_H

int install_service(char **args);
int uninstall_service(char **args);

#endif
