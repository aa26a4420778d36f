// Package systemd checks the units of deploy/systemd with systemd's own tools, and
// runs the worker host as its unit would. Without the tools it says that the check
// is left out, unless MUSTER_REQUIRE names systemd.
//
//	apt-get install systemd
//	MUSTER_REQUIRE=systemd go test -v ./integration/systemd
package systemd
