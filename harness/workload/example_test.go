package workload_test

import (
	"fmt"

	"github.com/seatrial/seatrial/harness/workload"
)

// Everything is told by seed and tag: what was sent needs no storing.
func ExampleNew() {
	config := workload.Default(7, "T3ST")
	config.Files, config.RecordsPerFile = 2, 10
	sent, err := workload.New(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, file := range sent.Files {
		fmt.Println(file.Name, file.Kind, file.Rows())
	}
	key := sent.Key(3)
	number, ours := sent.Number(key)
	fmt.Println(key, number, ours)
	fmt.Println(sent.Record(3, 1).Get("city"))
	// Output:
	// 000000-delta-T3ST-control.csv control 5
	// 000001-delta-T3ST.csv trial 10
	// 000002-delta-T3ST.csv trial 10
	// 000003-delta-T3ST-sentinel.csv sentinel 1
	// T3ST00000037 3 true
	// Łódź
}
