// Package fleet is what an operator does to the queues, dead letters and worker
// hosts of a fleet. The muster command is written with it, and other programs can be.
//
//	f, err := fleet.Connect(ctx, "nats://127.0.0.1:4222")
//	...
//	defer f.Close()
//	err = f.Pause(ctx, "default")
package fleet
