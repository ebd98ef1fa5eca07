package doctor

// Report is what was seen. What could not be seen is zero, and a finding says why.
type Report struct {
	Engine   Engine    `json:"engine"`
	Machine  Machine   `json:"machine"`
	Images   []Image   `json:"images"`
	Faults   []Ability `json:"faults"`
	Findings []Finding `json:"findings"` // in the order in which to put them right
}

// Engine is the Docker engine that runs would use.
type Engine struct {
	Host             string `json:"host"`
	Reached          bool   `json:"reached"`
	Version          string `json:"version"`
	API              string `json:"api"`            // agreed on with this program
	System           string `json:"system"`         // the engine's operating system
	Storage          string `json:"storage"`        // its storage driver
	CgroupVersion    string `json:"cgroup_version"` // "1" or "2"
	MemoryController bool   `json:"memory_controller"`
	Cores            int    `json:"cores"`
	MemoryBytes      int64  `json:"memory_bytes"`
	DataRoot         string `json:"data_root"` // where it keeps images and volumes
}

// Machine is the one that this program runs on; the engine's may be another.
type Machine struct {
	System        string `json:"system"`
	Go            string `json:"go"`              // version of the toolchain, which builds the proxy and the pipeline; empty: none
	FreeDiskBytes int64  `json:"free_disk_bytes"` // at the engine's data root; 0: that folder cannot be seen from here
	PortsBound    bool   `json:"ports_bound"`     // a port on 127.0.0.1 can be listened on
}

// Image is what a run would take for a service, or that nothing is here yet.
type Image struct {
	Kind    string `json:"kind"`
	Found   bool   `json:"found"`
	Ref     string `json:"ref"`    // of what was found, else what will be looked for
	Origin  string `json:"origin"` // "local" or "built"; empty: missing
	Version string `json:"version"`
	Pinned  bool   `json:"pinned"` // by SEATRIAL_IMAGE_<KIND>
}

// Ability says whether a family of faults can be done here.
type Ability struct {
	Fault string `json:"fault"`
	Able  bool   `json:"able"`
	Needs string `json:"needs"` // what it rests on
}

// States of a finding.
const (
	OK      = "ok"
	Warning = "warning" // runs work, with the limits that the finding names
	Failed  = "failed"  // no run can work
)

// Finding is one thing that runs need.
type Finding struct {
	Name   string `json:"name"`
	State  string `json:"state"`
	Found  string `json:"found"`  // what was seen
	Remedy string `json:"remedy"` // what to do next; empty where all is well
}
