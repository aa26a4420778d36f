// Package compose starts the container image and the fleet in deploy/ for real,
// with a container engine, and kills parts of it while it works. Without an
// engine its tests say that they are left out, unless MUSTER_REQUIRE names docker.
//
//	apt-get install docker.io docker-compose
//	MUSTER_REQUIRE=docker go test -v ./integration/compose
package compose
