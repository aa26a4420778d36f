package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/musterfleet/muster/codec"
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("muster_"+name, help, labels, nil)
}

// sink is where a collector puts its metrics.
type sink chan<- prometheus.Metric

func (to sink) gauge(d *prometheus.Desc, value float64, labels ...string) {
	to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func (to sink) count(d *prometheus.Desc, value uint64, labels ...string) {
	to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
}

// histogram puts a histogram, whose counts Prometheus wants added up.
func (to sink) histogram(d *prometheus.Desc, h codec.Histogram, labels ...string) {
	sum, buckets := uint64(0), make(map[float64]uint64, len(codec.HistogramBounds))
	for i, bound := range codec.HistogramBounds {
		sum += h.Counts[i]
		buckets[bound.Seconds()] = sum
	}
	sum += h.Counts[len(codec.HistogramBounds)]
	to <- prometheus.MustNewConstHistogram(d, sum, h.Sum, buckets, labels...)
}

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
