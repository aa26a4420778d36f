package kubernetes

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const folder = "../../deploy/kubernetes"

// types has what a manifest of a kind is read into.
var types = map[string]func() any{
	"v1 Namespace":                  func() any { return new(corev1.Namespace) },
	"apps/v1 Deployment":            func() any { return new(appsv1.Deployment) },
	"policy/v1 PodDisruptionBudget": func() any { return new(policyv1.PodDisruptionBudget) },
}

// manifests returns the objects that "kubectl apply --kustomize" would send, as YAML,
// by API version and kind.
func manifests(t *testing.T) map[string][]byte {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	require.NoError(t, err)
	all := map[string][]byte{}
	for _, resource := range built.Resources() {
		text, err := resource.AsYAML()
		require.NoError(t, err)
		kind := resource.GetApiVersion() + " " + resource.GetKind()
		require.NotContains(t, all, kind)
		all[kind] = text
	}
	return all
}

func read[T any](t *testing.T, kind string) *T {
	t.Helper()
	object := new(T)
	require.NoError(t, yaml.UnmarshalStrict(manifests(t)[kind], object))
	return object
}

// Every manifest, as it is written and as it is sent, has only what its type has.
func TestStrict(t *testing.T) {
	t.Parallel()
	for kind, text := range manifests(t) {
		if kind == scaledObject {
			requireValid(t, scaledObjectSchema(t), text)
			continue
		}
		require.Contains(t, types, kind)
		require.NoError(t, yaml.UnmarshalStrict(text, types[kind]()), "%s", kind)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var kind metav1.TypeMeta
		require.NoError(t, yaml.Unmarshal(text, &kind))
		if object := types[kind.APIVersion+" "+kind.Kind]; object != nil {
			require.NoError(t, yaml.UnmarshalStrict(text, object()), "%s", file)
		}
	}
}

func TestWhatIsWrongIsFound(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, yaml.UnmarshalStrict([]byte("spec: {replica: 1}"), new(appsv1.Deployment)), "replica")
	require.Error(t, valid(t, scaledObjectSchema(t), []byte("spec: {scaleTargetRef: {name: x}, triggers: [], minReplica: 1}")))
	require.Error(t, valid(t, scaledObjectSchema(t), []byte("spec: {scaleTargetRef: {name: x}, triggers: [], minReplicaCount: one}")))
}

// A worker pod meets the restricted standard for pods, and has the time it says that
// it drains.
func TestWorkerPod(t *testing.T) {
	t.Parallel()
	deployment := read[appsv1.Deployment](t, "apps/v1 Deployment")
	pod := deployment.Spec.Template.Spec
	require.Nil(t, deployment.Spec.Replicas, "the autoscaler says how many")
	require.False(t, *pod.AutomountServiceAccountToken)
	require.True(t, *pod.SecurityContext.RunAsNonRoot)
	require.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, pod.SecurityContext.SeccompProfile.Type)
	require.Len(t, pod.Containers, 1)
	worker := pod.Containers[0]
	require.False(t, *worker.SecurityContext.AllowPrivilegeEscalation)
	require.True(t, *worker.SecurityContext.ReadOnlyRootFilesystem)
	require.Equal(t, []corev1.Capability{"ALL"}, worker.SecurityContext.Capabilities.Drop)
	require.Equal(t, worker.Resources.Limits, worker.Resources.Requests)

	drain := flag(t, worker.Args, "drain-timeout")
	require.Greater(t, *pod.TerminationGracePeriodSeconds, drain.seconds(t))
	limit, processes := flag(t, worker.Args, "memory-limit"), worker.Resources.Limits.Cpu().Value()
	require.Less(t, processes*limit.bytes(t), worker.Resources.Limits.Memory().Value(), "the container's limit comes first")

	require.Len(t, worker.Ports, 1)
	port := worker.Ports[0]
	require.Equal(t, value(fmt.Sprintf(":%d", port.ContainerPort)), flag(t, worker.Args, "metrics"))
	require.Equal(t, strconv.Itoa(int(port.ContainerPort)), deployment.Spec.Template.Annotations["prometheus.io/port"])
	for path, probe := range map[string]*corev1.Probe{
		"/healthz": worker.LivenessProbe, "/readyz": worker.ReadinessProbe,
	} {
		require.Equal(t, path, probe.HTTPGet.Path)
		require.Equal(t, port.Name, probe.HTTPGet.Port.String())
	}

	budget := read[policyv1.PodDisruptionBudget](t, "policy/v1 PodDisruptionBudget")
	for _, selector := range []*metav1.LabelSelector{deployment.Spec.Selector, budget.Spec.Selector} {
		selects, err := metav1.LabelSelectorAsSelector(selector)
		require.NoError(t, err)
		require.True(t, selects.Matches(labels.Set(deployment.Spec.Template.Labels)), "%v", selector)
	}
}

// The program takes the worker pod's arguments.
func TestWorkerArguments(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	muster := filepath.Join(t.TempDir(), "muster")
	build := exec.CommandContext(ctx, "go", "build", "-o", muster, "./cmd/muster")
	build.Dir = "../.."
	said, err := build.CombinedOutput()
	require.NoError(t, err, "%s", said)
	args := read[appsv1.Deployment](t, "apps/v1 Deployment").Spec.Template.Spec.Containers[0].Args
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "$(PROCESSES)", "2")
	}
	run := func(args ...string) (string, error) { // which reads its arguments, and no more
		said, err := exec.CommandContext(ctx, muster, append(args, "--help")...).CombinedOutput()
		return string(said), err
	}
	help, err := run(args...)
	require.NoError(t, err, help)
	_, err = run(append(args, "--nothing-like-that")...)
	require.Error(t, err)
}
