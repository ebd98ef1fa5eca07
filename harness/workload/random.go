package workload

import "math/bits"

// mix is the finaliser of splitmix64: a bijection that scatters neighbours.
// Written out here because the output of a generator must never change.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// hash is a well mixed function of its three arguments.
func hash(seed, number, salt uint64) uint64 {
	return mix(mix(mix(seed+0x9e3779b97f4a7c15)^number) + salt*0x9e3779b97f4a7c15)
}

// random is a splitmix64 sequence: the plan's source of chance.
type random uint64

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	return mix(uint64(*r))
}

// below returns a number from 0 to n-1.
func (r *random) below(n int) int {
	high, _ := bits.Mul64(r.next(), uint64(n))
	return int(high)
}
