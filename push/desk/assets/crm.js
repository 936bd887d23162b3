// The CRM whose frame the page is in: Salesforce's Open CTI for Lightning, when its script was loaded.

const object = /^[A-Za-z0-9]{15,18}$/;

// showRecord brings up who calls: the record of the only contact that is the CRM's, else what its search finds.
// It reports whether the CRM was asked.
export function showRecord(crm, contacts, number) {
  const cti = globalThis.sforce?.opencti;
  if (!cti) return false;
  const ids = contacts.map((c) => c.id.split(':')).filter(([name, , id]) => name === crm && object.test(id ?? '')).map(([, , id]) => id);
  if (ids.length === 1) {
    cti.screenPop({ type: cti.SCREENPOP_TYPE.SOBJECT, params: { recordId: ids[0] }, callback: ignore });
    return true;
  }
  const digits = number.replace(/[^0-9]/g, '');
  if (digits.length < 4) return false;
  cti.searchAndScreenPop({ searchParams: digits, callType: cti.CALL_TYPE.INBOUND, deferred: false, callback: ignore });
  return true;
}

// noDialling says that numbers of the CRM cannot be clicked: there is no click-to-call yet.
export function noDialling() {
  globalThis.sforce?.opencti?.disableClickToDial({ callback: ignore });
}

function ignore() {} // what the CRM could not show, the card shows
