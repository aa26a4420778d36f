// Package versions runs clients and worker hosts of different versions of Muster
// together, and upgrades a fleet host by host while it works. The older version is
// built from the repository's history; a clone that has none says that its tests
// are left out, unless MUSTER_REQUIRE names history.
package versions
