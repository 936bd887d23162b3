package crm

import "testing"

func TestE164(t *testing.T) {
	tests := []struct {
		name, number, region string
		want                 Number
	}{
		{"national with trunk prefix", "020 7946 0018", "GB", "+442079460018"},
		{"country code without plus, as trunks deliver", "442079460018", "GB", "+442079460018"},
		{"international with plus", "+442079460018", "", "+442079460018"},
		{"international with plus in another region", "+14155552671", "GB", "+14155552671"},
		{"international with 00", "00442079460018", "GB", "+442079460018"},
		{"00 without a region", "00442079460018", "", "+442079460018"},
		{"punctuation", "(020) 7946-0018", "GB", "+442079460018"},
		{"region in lower case", "02079460018", "gb", "+442079460018"},
		{"national number of the other country", "(415) 555-2671", "US", "+14155552671"},
		{"a range the tables do not know, as trunks deliver", "441632960001", "GB", "+441632960001"},
		{"a range the tables do not know, with plus", "+441632960001", "", "+441632960001"},
		{"a range the tables do not know, national", "01632960001", "GB", "+441632960001"},
		{"a range the tables do not know, behind an outside-line prefix", "9441632960001", "GB", ""},
		{"a direct number without its area code", "5551000", "GB", ""},
		{"national without a region", "02079460018", "", ""},
		{"extension", "1001", "GB", ""},
		{"emergency", "112", "GB", ""},
		{"short code", "60777", "GB", ""},
		{"empty", "", "GB", ""},
		{"anonymous", "anonymous", "GB", ""},
		{"a user part", "sales.desk", "GB", ""},
		{"does not exist", "+4400000000000", "GB", ""},
		{"with an outside-line prefix", "902079460018", "GB", ""},
		{"feature code", "*21*02079460018", "GB", ""},
		{"plus in the middle", "44+2079460018", "GB", ""},
		{"letters are not digits", "1800FLOWERS", "US", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := E164(tt.number, tt.region)
			if got != tt.want || ok != (tt.want != "") {
				t.Errorf("E164(%q, %q) = %q, %v; want %q", tt.number, tt.region, got, ok, tt.want)
			}
		})
	}
}
