// Package kubernetes checks the manifests of deploy/kubernetes against the types of
// the API, strictly: a field that they do not have, or of another kind, is an error.
// It is a module of its own, for the size of those types.
package kubernetes
