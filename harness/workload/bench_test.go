package workload

import "testing"

// Figures are per operation: a plan of the default trial has 5,006.
func BenchmarkPlan(b *testing.B) {
	b.ReportAllocs()
	ops := 0
	for b.Loop() {
		ops += plan(b, nil).Operations()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(ops), "ns/record")
}

func BenchmarkRecord(b *testing.B) {
	w := plan(b, nil)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_ = w.Record(i%5000, i%7+1)
	}
}

func BenchmarkEncode(b *testing.B) {
	w := plan(b, nil)
	b.ReportAllocs()
	rows, bytes := 0, 0
	for i := 0; b.Loop(); i++ {
		file := w.Files[i%len(w.Files)]
		bytes += len(w.Encode(file))
		rows += file.Rows()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rows), "ns/record")
	b.ReportMetric(float64(bytes)/float64(rows), "B/record")
}

func BenchmarkPlanTenMillion(b *testing.B) {
	b.ReportAllocs()
	ops := 0
	for b.Loop() {
		w := plan(b, func(c *Config) { c.Files, c.RecordsPerFile = 2000, 5000 })
		ops += w.Operations()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(ops), "ns/record")
}
